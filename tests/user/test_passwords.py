import subprocess
import sys

#: In a process of its own: what other tests left in this one's heap would hide what is looked at.
PROGRAM = """
import asyncio, psutil
from serai.user.passwords import Passwords

async def main():
    memory = lambda: psutil.Process().memory_info().rss
    passwords = Passwords()
    at_first = memory()
    await asyncio.gather(*(passwords.hash("a good long password") for _ in range(8)))
    async with asyncio.timeout(60):
        while memory() - at_first > 10 << 20:
            await asyncio.sleep(0.05)
    passwords.close()

asyncio.run(main())
"""


def test_the_memory_of_hashes_is_released_when_sign_ins_pause() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr

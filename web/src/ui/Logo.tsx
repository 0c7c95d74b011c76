/** The shop's logo: the gate of a caravanserai. */
export function Logo() {
  return (
    <svg width="30" height="30" viewBox="0 0 32 32" aria-hidden focusable="false">
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-teal-7)" />
      <path d="M8 25V15.5C8 11 11.6 7 16 7s8 4 8 8.5V25h-5v-8.2c0-1.9-1.3-3.3-3-3.3s-3 1.4-3 3.3V25z" fill="#fff" />
    </svg>
  );
}

import { texts } from "@/texts/shell";
import { useRestoreFocus } from "@/ui/useRestoreFocus";
import { Drawer } from "@mantine/core";
import { Categories } from "./Categories";
import classes from "./Header.module.css";

export function MenuDrawer({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  useRestoreFocus(opened);
  return (
    <Drawer returnFocus={false} opened={opened} onClose={onClose} size="18rem" title={texts.shopMenu} closeButtonProps={{ "aria-label": texts.closeMenu }}>
      <nav className={classes.drawer} aria-label={texts.menu} onClick={onClose}>
        <Categories />
      </nav>
    </Drawer>
  );
}

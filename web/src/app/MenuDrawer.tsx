import { useRestoreFocus } from "@/ui/useRestoreFocus";
import { Drawer } from "@mantine/core";
import { Categories } from "./Categories";
import classes from "./Header.module.css";

export function MenuDrawer({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  useRestoreFocus(opened);
  return (
    <Drawer returnFocus={false} opened={opened} onClose={onClose} size="18rem" title="Shop" closeButtonProps={{ "aria-label": "Close the menu" }}>
      <nav className={classes.drawer} aria-label="Menu" onClick={onClose}>
        <Categories />
      </nav>
    </Drawer>
  );
}

import { useOnceThere } from "@/ui/useOnceThere";
import { Drawer } from "@mantine/core";
import { Categories } from "./Categories";
import classes from "./Header.module.css";

export function MenuDrawer({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Drawer opened={useOnceThere(opened)} onClose={onClose} size="18rem" title="Shop" closeButtonProps={{ "aria-label": "Close the menu" }}>
      <nav className={classes.drawer} aria-label="Menu" onClick={onClose}>
        <Categories />
      </nav>
    </Drawer>
  );
}

import { useRestoreFocus } from "@/ui/useRestoreFocus";
import { Button, Drawer } from "@mantine/core";
import type { ReactNode } from "react";

interface FilterDrawerProps {
  opened: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** The filters where there is no room for them beside the products. */
export function FilterDrawer({ opened, onClose, children }: FilterDrawerProps) {
  useRestoreFocus(opened);
  return (
    <Drawer
      returnFocus={false}
      opened={opened}
      onClose={onClose}
      title="Filter"
      position="right"
      size="20rem"
      closeButtonProps={{ "aria-label": "Close the filters" }}
    >
      {children}
      <Button fullWidth mt="xl" size="md" onClick={onClose}>
        Show products
      </Button>
    </Drawer>
  );
}

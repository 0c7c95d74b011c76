import { texts } from "@/texts/catalog";
import { useRestoreFocus } from "@/ui/useRestoreFocus";
import { Button, Drawer } from "@mantine/core";
import type { ReactNode } from "react";

interface FilterDrawerProps {
  opened: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** The filters on narrow screens. */
export function FilterDrawer({ opened, onClose, children }: FilterDrawerProps) {
  useRestoreFocus(opened);
  return (
    <Drawer
      returnFocus={false}
      opened={opened}
      onClose={onClose}
      title={texts.filter}
      position="right"
      size="20rem"
      closeButtonProps={{ "aria-label": texts.closeFilters }}
    >
      {children}
      <Button fullWidth mt="xl" size="md" onClick={onClose}>
        {texts.showProducts}
      </Button>
    </Drawer>
  );
}

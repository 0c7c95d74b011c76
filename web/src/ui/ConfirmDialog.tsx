import { texts as common } from "@/texts/common";
import { Button, Group, Modal, Text } from "@mantine/core";
import type { ReactNode } from "react";

export interface ConfirmProps {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** The label of the confirming button: a verb that says what it does. */
  confirmLabel: string;
  cancelLabel: string;
  pending: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** The dialog of `Confirm`, which loads it on demand. */
export function ConfirmDialog({ opened, title, children, confirmLabel, cancelLabel, pending, onConfirm, onClose }: ConfirmProps) {
  return (
    <Modal returnFocus={false} opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": common.close }}>
      <Text component="div">{children}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          {cancelLabel}
        </Button>
        <Button color="clay" loading={pending} onClick={onConfirm}>
          {confirmLabel}
        </Button>
      </Group>
    </Modal>
  );
}

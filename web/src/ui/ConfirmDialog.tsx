import { Button, Group, Modal, Text } from "@mantine/core";
import type { ReactNode } from "react";

export interface ConfirmProps {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** What it does, as a verb: the answer says what happens without the question. */
  confirm: string;
  keep: string;
  pending: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** The question itself, in a dialogue. Reached through Confirm, which brings it when it is asked. */
export function ConfirmDialog({ opened, title, children, confirm, keep, pending, onConfirm, onClose }: ConfirmProps) {
  return (
    <Modal returnFocus={false} opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <Text component="div">{children}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          {keep}
        </Button>
        <Button color="clay" loading={pending} onClick={onConfirm}>
          {confirm}
        </Button>
      </Group>
    </Modal>
  );
}

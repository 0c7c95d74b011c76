import { Message } from "@/ui/Message";
import { LinkButton } from "@/ui/links";
import { useTitle } from "@/ui/useTitle";
import { IconMapOff } from "@tabler/icons-react";

export function NotFound() {
  useTitle("Not found");
  return (
    <Message
      icon={IconMapOff}
      order={1}
      title="There is nothing at this address"
      action={
        <LinkButton to="/products">
          Browse the shop
        </LinkButton>
      }
    >
      The link may be old, or it was typed a little differently.
    </Message>
  );
}

import { texts as common } from "@/texts/common";
import { texts } from "@/texts/shell";
import { Message } from "@/ui/Message";
import { LinkButton } from "@/ui/links";
import { useTitle } from "@/ui/useTitle";
import { IconMapOff } from "@tabler/icons-react";

export function NotFound() {
  useTitle(common.notFound);
  return (
    <Message
      icon={IconMapOff}
      order={1}
      title={texts.pageNotFound}
      action={
        <LinkButton to="/products">
          {common.browse}
        </LinkButton>
      }
    >
      {texts.pageNotFoundText}
    </Message>
  );
}

import { useVerifyEmail } from "@/api/accounts";
import { isRefusal } from "@/api/problem";
import { Notice } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { Button } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/verify");

/** Confirms with a click, not by being opened: mail programs look into links before people do. */
export function VerifyPage() {
  const { token } = route.useSearch();
  const verify = useVerifyEmail();
  if (verify.isSuccess) {
    return (
      <AccountPage title="Thank you, that is confirmed" intro="Your email address is yours. There is nothing else to do.">
        <LinkButton to="/products" search={{}} size="md" fullWidth>
          Browse the shop
        </LinkButton>
      </AccountPage>
    );
  }
  const dead = !token || (isRefusal(verify.error) && verify.error.status < 429);
  return (
    <AccountPage
      title="Confirm your email address"
      intro={token ? "One click, and we know that our mails reach you." : "This address lacks its link: open it from the mail again."}
      below={
        dead && (
          <Link to="/settings" className="quiet-link">
            Get another link in the settings
          </Link>
        )
      }
    >
      <Notice error={verify.error} />
      <Button
        size="md"
        fullWidth
        mt={verify.error ? "md" : 0}
        disabled={!token}
        loading={verify.isPending}
        onClick={() => verify.mutate(token ?? "")}
      >
        Confirm
      </Button>
    </AccountPage>
  );
}

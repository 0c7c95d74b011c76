import { useVerifyEmail } from "@/api/accounts";
import { isRefusal } from "@/api/problem";
import { texts } from "@/texts/account";
import { texts as common } from "@/texts/common";
import { Notice } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { Button } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/verify");

/** Confirms on a click, not when the page is opened: email programs open links before people do. */
export function VerifyPage() {
  const { token } = route.useSearch();
  const verify = useVerifyEmail();
  if (verify.isSuccess) {
    return (
      <AccountPage title={texts.verified} intro={texts.verifiedText}>
        <LinkButton to="/products" search={{}} size="md" fullWidth>
          {common.browse}
        </LinkButton>
      </AccountPage>
    );
  }
  const linkUnusable = !token || (isRefusal(verify.error) && verify.error.status < 429);
  return (
    <AccountPage
      title={texts.verify}
      intro={token ? texts.verifyText : texts.verifyLinkIncomplete}
      below={
        linkUnusable && (
          <Link to="/settings" className="quiet-link">
            {texts.getNewLinkInSettings}
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
        {texts.confirm}
      </Button>
    </AccountPage>
  );
}

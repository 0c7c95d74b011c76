import { SignInForm } from "@/session/SignInForm";
import { texts } from "@/texts/account";
import { texts as common } from "@/texts/common";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  return (
    <AccountPage
      title={texts.signIn}
      below={
        <>
          {texts.newHere}{" "}
          <Link to="/register" search={next ? { next } : {}} className="quiet-link">
            {common.createAccount}
          </Link>
        </>
      }
    >
      <SignInForm onDone={() => router.history.push(next ?? "/")} />
    </AccountPage>
  );
}

import { RegisterForm } from "@/session/RegisterForm";
import { texts } from "@/texts/account";
import { texts as common } from "@/texts/common";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/register");

export function RegisterPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  return (
    <AccountPage
      title={texts.register}
      intro={texts.registerIntro}
      below={
        <>
          {texts.alreadyRegistered}{" "}
          <Link to="/sign-in" search={next ? { next } : {}} className="quiet-link">
            {common.signIn}
          </Link>
        </>
      }
    >
      <RegisterForm onDone={() => router.history.push(next ?? "/")} />
    </AccountPage>
  );
}

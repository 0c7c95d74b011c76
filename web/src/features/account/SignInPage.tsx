import { SignInForm } from "@/session/SignInForm";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  return (
    <AccountPage
      title="Welcome back"
      below={
        <>
          New here?{" "}
          <Link to="/register" search={next ? { next } : {}} className="quiet-link">
            Create an account
          </Link>
        </>
      }
    >
      <SignInForm onDone={() => router.history.push(next ?? "/")} />
    </AccountPage>
  );
}

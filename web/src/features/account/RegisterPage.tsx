import { RegisterForm } from "@/session/RegisterForm";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { AccountPage } from "./AccountPage";

const route = getRouteApi("/register");

export function RegisterPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  return (
    <AccountPage
      title="Create an account"
      intro="To order, and to see where your order is."
      below={
        <>
          Already have one?{" "}
          <Link to="/sign-in" search={next ? { next } : {}} className="quiet-link">
            Sign in
          </Link>
        </>
      }
    >
      <RegisterForm onDone={() => router.history.push(next ?? "/")} />
    </AccountPage>
  );
}

import type { Money } from "@/api/schemas";
import { money } from "@/format/money";

export function Price({ of, className }: { of: Money; className?: string | undefined }) {
  return <span className={className ? `numbers ${className}` : "numbers"}>{money(of)}</span>;
}

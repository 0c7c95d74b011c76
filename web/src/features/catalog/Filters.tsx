import { useShopCurrency } from "@/api/cart";
import type { Category, Facets } from "@/api/schemas";
import { major, money, parseMajor } from "@/format/money";
import { texts } from "@/texts/catalog";
import { Button, Checkbox, Group, Stack, TextInput, UnstyledButton } from "@mantine/core";
import { useId, useState, type FormEvent } from "react";
import classes from "./Filters.module.css";
import type { ProductSearch } from "./search";

interface FiltersProps {
  search: ProductSearch;
  facets: Facets | undefined;
  categories: readonly Category[] | undefined;
  change: (part: { [Name in keyof ProductSearch]?: ProductSearch[Name] | undefined }) => void;
}

export function Filters({ search, facets, categories, change }: FiltersProps) {
  const counts = new Map(facets?.category.map(({ value, count }) => [value, count]));
  return (
    <Stack gap="xl">
      <fieldset className={classes.group}>
        <legend>{texts.category}</legend>
        <Choice chosen={!search.category} label={texts.allCategories} onChoose={() => change({ category: undefined })} />
        {categories?.map(({ slug, name }) => (
          <Choice
            key={slug}
            chosen={search.category === slug}
            label={name}
            count={facets && (counts.get(slug) ?? 0)}
            onChoose={() => change({ category: slug })}
          />
        ))}
      </fieldset>
      <PriceFilter
        key={`${search.min_price ?? ""}-${search.max_price ?? ""}`}
        search={search}
        spread={facets?.price}
        onChange={(min_price, max_price) => change({ min_price, max_price })}
      />
      <fieldset className={classes.group}>
        <legend>{texts.availability}</legend>
        <Checkbox
          label={texts.inStockOnly}
          checked={search.in_stock ?? false}
          onChange={(event) => change({ in_stock: event.currentTarget.checked ? true : undefined })}
        />
      </fieldset>
    </Stack>
  );
}

interface ChoiceProps {
  chosen: boolean;
  label: string;
  count?: number | undefined;
  onChoose: () => void;
}

function Choice({ chosen, label, count, onChoose }: ChoiceProps) {
  return (
    <UnstyledButton className={classes.choice ?? ""} aria-pressed={chosen} onClick={onChoose}>
      <span>{label}</span>
      {count !== undefined && <span className={classes.count}>{count}</span>}
    </UnstyledButton>
  );
}

interface PriceFilterProps {
  search: ProductSearch;
  /** The number of products by price range; empty if all cost about the same. */
  spread: Facets["price"] | undefined;
  onChange: (min: number | undefined, max: number | undefined) => void;
}

function PriceFilter({ search, spread, onChange }: PriceFilterProps) {
  const currency = useShopCurrency();
  const shown = (amount: number | undefined) =>
    amount === undefined ? "" : major(amount, currency).replace(/[.]0+$/, "");
  const [min, setMin] = useState(shown(search.min_price));
  const [max, setMax] = useState(shown(search.max_price));
  const [problem, setProblem] = useState<string | null>(null);
  const problemId = useId();

  function apply(event: FormEvent) {
    event.preventDefault();
    const from = min.trim() ? parseMajor(min, currency) : undefined;
    const to = max.trim() ? parseMajor(max, currency) : undefined;
    if (from === null || to === null) setProblem(texts.enterAmount);
    else if (from !== undefined && to !== undefined && from > to) setProblem(texts.minAboveMax);
    else {
      setProblem(null);
      onChange(from, to);
    }
  }

  const field = { inputMode: "decimal", size: "sm", autoComplete: "off", "aria-describedby": problem ? problemId : undefined } as const;
  return (
    <form onSubmit={apply}>
      <fieldset className={classes.group}>
        <legend>{texts.price}</legend>
        {spread
          ?.filter(({ count }) => count > 0)
          .map(({ value, min_price, max_price, count }) => {
            const chosen = search.min_price === (min_price || undefined) && search.max_price === (max_price ?? undefined);
            const range = { ...(min_price > 0 && { min_price }), ...(max_price !== null && { max_price }) };
            return (
              <Choice
                key={value}
                chosen={chosen}
                label={priceRange(range, currency) ?? texts.anyPrice}
                count={count}
                onChoose={() => (chosen ? onChange(undefined, undefined) : onChange(min_price || undefined, max_price ?? undefined))}
              />
            );
          })}
        <Group gap="xs" wrap="nowrap" align="end" mt={spread?.length ? "xs" : 0}>
          <TextInput {...field} label={texts.minPrice} value={min} onChange={(event) => setMin(event.currentTarget.value)} error={problem !== null} />
          <TextInput {...field} label={texts.maxPrice} value={max} onChange={(event) => setMax(event.currentTarget.value)} error={problem !== null} />
          <Button type="submit" size="sm" variant="default" px="sm" className={classes.apply ?? ""}>
            {texts.apply}
          </Button>
        </Group>
        {problem && (
          <p id={problemId} className={classes.problem} role="alert">
            {problem}
          </p>
        )}
      </fieldset>
    </form>
  );
}

export function priceRange({ min_price, max_price }: ProductSearch, currency: string): string | null {
  const format = (amount: number) => money({ amount, currency }).replace(/[.,]00(?=\D*$)/, "");
  if (min_price !== undefined && max_price !== undefined) return texts.priceBetween(format(min_price), format(max_price));
  if (min_price !== undefined) return texts.priceFrom(format(min_price));
  if (max_price !== undefined) return texts.priceUpTo(format(max_price));
  return null;
}

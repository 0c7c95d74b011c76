import type { Product } from "@/api/schemas";
import { texts } from "@/texts/catalog";
import classes from "./VariantPicker.module.css";
import { availability, choose, type Choice } from "./variants";

interface VariantPickerProps {
  product: Product;
  choice: Choice;
  onChange: (choice: Choice) => void;
}

/** One group of radio buttons for each option. Values that are sold out are disabled and labeled. */
export function VariantPicker({ product, choice, onChange }: VariantPickerProps) {
  return (
    <div className={classes.picker}>
      {product.options.map(({ name, values }) => (
        <fieldset key={name} className={classes.option}>
          <legend>
            {texts.option(name.charAt(0).toUpperCase() + name.slice(1))} <strong>{choice[name]}</strong>
          </legend>
          <div className={classes.values}>
            {values.map((value) => {
              const state = availability(product, choice, name, value);
              return (
                <label key={value} className={classes.value} data-state={state}>
                  <input
                    type="radio"
                    name={`option-${name}`}
                    value={value}
                    checked={choice[name] === value}
                    disabled={state === "sold_out" && choice[name] !== value}
                    onChange={() => onChange(choose(product, choice, name, value))}
                  />
                  <span>
                    {value}
                    {state === "sold_out" && <span className="hidden-visually">{texts.optionSoldOut}</span>}
                    {state === "missing" && <span className="hidden-visually">{texts.optionInOtherCombination}</span>}
                  </span>
                </label>
              );
            })}
          </div>
        </fieldset>
      ))}
    </div>
  );
}

/** Rates a new password while it is typed. This is a hint only: the API decides, and refuses common passwords. */
import { texts } from "@/texts/session";

export interface Strength {
  /** 0 to 4. */
  score: 0 | 1 | 2 | 3 | 4;
  text: string;
}

export const MIN_LENGTH = 8;

export function strengthOf(password: string): Strength {
  const letters = [...password];
  if (letters.length === 0) return { score: 0, text: texts.passwordHint(MIN_LENGTH) };
  if (letters.length < MIN_LENGTH) return { score: 1, text: texts.charactersMissing(MIN_LENGTH - letters.length) };
  const variety = new Set(letters.map((letter) => letter.toLowerCase())).size;
  if (variety < 5) return { score: 1, text: texts.repetitive };
  const bits = letters.length * Math.log2(Math.max(variety, 2));
  if (bits < 32) return { score: 2, text: texts.acceptable };
  if (bits < 52) return { score: 3, text: texts.good };
  return { score: 4, text: texts.veryGood };
}

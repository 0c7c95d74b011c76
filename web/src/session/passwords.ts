/** How good a new password is: a hint while typing. The shop itself decides, and refuses the common ones. */
export interface Strength {
  /** 0 to 4. */
  score: 0 | 1 | 2 | 3 | 4;
  words: string;
}

export const MIN_LENGTH = 8;

export function strengthOf(password: string): Strength {
  const letters = [...password];
  if (letters.length === 0) return { score: 0, words: `At least ${MIN_LENGTH} characters. Several words are easy to remember and hard to guess.` };
  if (letters.length < MIN_LENGTH) return { score: 1, words: `${MIN_LENGTH - letters.length} more to go.` };
  const variety = new Set(letters.map((letter) => letter.toLowerCase())).size;
  if (variety < 5) return { score: 1, words: "Too much of the same." };
  const bits = letters.length * Math.log2(Math.max(variety, 2));
  if (bits < 32) return { score: 2, words: "Acceptable. Longer is better." };
  if (bits < 52) return { score: 3, words: "Good." };
  return { score: 4, words: "Very good." };
}

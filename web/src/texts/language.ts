/** The language of the texts in this folder. Amounts, dates and names of countries are formatted in it too. */
export const LANGUAGE = "en-US";

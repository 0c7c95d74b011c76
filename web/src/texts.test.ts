/** All text that people read is in `texts/`, so that it can be translated in one place. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const SRC = import.meta.dirname;
/** Attributes and properties whose value is shown or read out. */
const TEXTUAL =
  /^(alt|aria-label|aria-description|cancelLabel|confirmLabel|description|error|heading|intro|label|more|placeholder|submitLabel|text|title)$/;
const SHOWING_CALLS = new Set(["toast", "useTitle"]);
/** At least two words, or one with an end: "Edge" may be a name or a key, "Saved." and "Show more" are texts. */
const SENTENCE = /^[A-Z][a-z’']+(,? [a-zA-Z][^<>{}]*|[.!?…]$)/;

/** The literal texts of a source file, each with its line. */
function literalTexts(name: string, source: string): string[] {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const report = (node: ts.Node, text: string) => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    found.push(`${name}:${line + 1}: ${text.trim()}`);
  };
  const visit = (node: ts.Node): void => {
    const text = textOf(node);
    if (ts.isJsxText(node)) {
      if (/\p{L}/u.test(node.text)) report(node, node.text);
    } else if (text !== null && /\p{L}/u.test(text) && (SENTENCE.test(text) || isShown(node)) && !isForDevelopers(node)) {
      report(node, text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** The fixed part of a string or template; null for any other node. */
function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(({ literal }) => `0${literal.text}`).join("");
  return null;
}

/** Whether a literal becomes text on the page: as a child of an element, as a textual attribute, or in a toast. */
function isShown(literal: ts.Node): boolean {
  let node = literal;
  // A choice between texts is where its result is.
  while (isChoice(node.parent, node) || ts.isParenthesizedExpression(node.parent)) node = node.parent;
  const { parent } = node;
  if (ts.isJsxExpression(parent)) {
    return ts.isJsxAttribute(parent.parent) ? isTextual(parent.parent.name) : true;
  }
  if (ts.isJsxAttribute(parent)) return isTextual(parent.name);
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node && isTextual(parent.name);
  return ts.isCallExpression(parent) && SHOWING_CALLS.has(parent.expression.getText());
}

function isChoice(parent: ts.Node, node: ts.Node): boolean {
  if (ts.isConditionalExpression(parent)) return parent.condition !== node;
  if (!ts.isBinaryExpression(parent)) return false;
  return ["??", "||", "&&", "+"].includes(parent.operatorToken.getText());
}

function isTextual(name: ts.Node): boolean {
  return TEXTUAL.test(name.getText().replaceAll('"', ""));
}

/** The message of an error that only developers see. */
function isForDevelopers({ parent }: ts.Node): boolean {
  return ts.isNewExpression(parent) && /Error$/.test(parent.expression.getText());
}

test("no source file outside texts/ contains text for people", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
    (file) => /\.tsx?$/.test(file) && !/\.test\.|^texts\/|generated/.test(file),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap((file) => literalTexts(file, readFileSync(join(SRC, file), "utf8")))).toEqual([]);
  // It parses every source file, which takes a second on a quiet machine.
}, 60_000);

test.each([
  ["text of an element", "<p>Sold out</p>"],
  ["one of two texts", '<p>{few ? "left" : texts.all}</p>'],
  ["an attribute", '<input aria-label="search" />'],
  ["a template in an attribute", "<input title={`Order ${number}`} />"],
  ["a property", 'const column = { label: "price" };'],
  ["a toast", 'toast("done");'],
  ["a sentence anywhere", 'const problem = "Enter a name.";'],
])("finds %s", (_name, source) => {
  expect(literalTexts("x.tsx", source)).toHaveLength(1);
});

test.each([
  ["class names and keys", '<p className="quiet-link" data-tone="bad" key="a" />'],
  ["codes and header names", 'if (code === "out_of_stock") headers["Idempotency-Key"] = "Bearer";'],
  ["errors for developers", 'throw new Error("Nobody sees this.");'],
  ["texts by their key", "<p title={texts.title}>{texts.soldOut}</p>"],
])("leaves %s alone", (_name, source) => {
  expect(literalTexts("x.tsx", source)).toEqual([]);
});

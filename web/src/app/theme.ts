/** Mantine's theme: warm grays, teal for actions, clay for what needs attention. */
import { createTheme, type MantineColorsTuple } from "@mantine/core";

const teal: MantineColorsTuple = [
  "#edf8f6", "#d7eeea", "#afddd5", "#82c9bd", "#55b3a4", "#2f9a8a", "#1c8173", "#116a5f", "#0b574e", "#06413b",
];
const clay: MantineColorsTuple = [
  "#fcf1ea", "#f7e0d2", "#eebfa4", "#e49b73", "#da7c4b", "#c9622f", "#b1501f", "#964118", "#783415", "#5a2811",
];
const moss: MantineColorsTuple = [
  "#f0f7ec", "#dfeed8", "#bfdcb2", "#9bc888", "#78b261", "#5b9744", "#477d33", "#386626", "#2c511f", "#203c17",
];
const gray: MantineColorsTuple = [
  "#faf9f7", "#f4f2ee", "#eae7e1", "#dfdbd3", "#c9c4ba", "#8d867b", "#6b655c", "#544f48", "#3b3733", "#282522",
];
const dark: MantineColorsTuple = [
  "#ece8e3", "#d3cec7", "#b0aaa1", "#857f76", "#4b4742", "#3b3834", "#2b2926", "#1c1a18", "#161412", "#100f0d",
];

export const theme = createTheme({
  colors: { teal, clay, moss, gray, dark },
  primaryColor: "teal",
  primaryShade: { light: 7, dark: 7 },
  white: "#ffffff",
  black: "#221f1c",
  fontFamily: "'Figtree Variable', system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', Menlo, Consolas, monospace",
  headings: {
    fontWeight: "650",
    textWrap: "balance",
    sizes: {
      h1: { fontSize: "clamp(1.625rem, 1.3rem + 1.2vw, 2.125rem)", lineHeight: "1.18" },
      h2: { fontSize: "1.375rem", lineHeight: "1.25" },
      h3: { fontSize: "1.0625rem", lineHeight: "1.35" },
    },
  },
  defaultRadius: "md",
  radius: { sm: "6px", md: "10px", lg: "16px", xl: "24px" },
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    TextInput: { defaultProps: { size: "md" } },
    PasswordInput: { defaultProps: { size: "md" } },
    Textarea: { defaultProps: { size: "md" } },
    NativeSelect: { defaultProps: { size: "md" } },
    Modal: {
      defaultProps: { centered: true, radius: "lg", padding: "lg" },
      styles: { title: { fontSize: "1.1875rem", fontWeight: 650, letterSpacing: "-0.01em" } },
    },
    Skeleton: { defaultProps: { radius: "md" } },
  },
});

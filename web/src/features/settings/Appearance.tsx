import { texts } from "@/texts/settings";
import { SegmentedControl, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { Section } from "./Section";

export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title={texts.appearance} intro={texts.appearanceIntro}>
      <SegmentedControl
        aria-label={texts.appearance}
        value={colorScheme}
        onChange={(value) => setColorScheme(value as MantineColorScheme)}
        data={[
          { value: "auto", label: texts.system },
          { value: "light", label: texts.light },
          { value: "dark", label: texts.dark },
        ]}
      />
    </Section>
  );
}

import { TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";

interface SearchFieldProps {
  label: string;
  placeholder: string;
  /** The longest text that the API accepts. */
  maxLength?: number;
  value: string;
  onChange: (value: string) => void;
}

export function SearchField({ label, placeholder, maxLength = 200, value, onChange }: SearchFieldProps) {
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={placeholder}
      leftSection={<IconSearch size={18} aria-hidden />}
      maxLength={maxLength}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

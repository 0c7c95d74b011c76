/** Icons and tints for the categories of the demo shop; any other category gets a package icon. */
import {
  IconArmchair,
  IconBallpen,
  IconHeadphones,
  IconLamp,
  IconPackage,
  IconPlant2,
  IconShirt,
  IconToolsKitchen2,
  IconPillow,
  type Icon,
} from "@tabler/icons-react";

const ICONS: Readonly<Record<string, Icon>> = {
  furniture: IconArmchair,
  lighting: IconLamp,
  kitchen: IconToolsKitchen2,
  "home-textiles": IconPillow,
  audio: IconHeadphones,
  clothing: IconShirt,
  stationery: IconBallpen,
  outdoor: IconPlant2,
};

/** Neighbors in the list of categories have different tints. */
const TINTS: Readonly<Record<string, number>> = {
  audio: 2,
  clothing: 3,
  furniture: 1,
  "home-textiles": 5,
  kitchen: 0,
  lighting: 6,
  outdoor: 4,
  stationery: 7,
};

export function tintFor(category: string | null | undefined, seed: string): number {
  const known = TINTS[category ?? ""];
  return known ?? [...(category ?? seed)].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 8;
}

export function iconFor(category: string | null | undefined): Icon {
  return ICONS[category ?? ""] ?? IconPackage;
}

/** Mantine's parts as links of the router: the address is checked by the compiler, and the page behind it is fetched early. */
import { ActionIcon, Anchor, Button, type ActionIconProps, type AnchorProps, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes } from "react";

export type Link<Props> = Props & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof Props> & { ref?: React.Ref<HTMLAnchorElement> };

export const LinkButton = createLink((props: Link<ButtonProps>) => <Button component="a" {...props} />);
export const LinkIcon = createLink((props: Link<ActionIconProps>) => <ActionIcon component="a" {...props} />);
export const LinkAnchor = createLink((props: Link<AnchorProps>) => <Anchor {...props} />);

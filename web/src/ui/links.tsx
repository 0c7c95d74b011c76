/** Mantine components as router links, which are type-checked and preload their page. */
import { ActionIcon, Anchor, Button, type ActionIconProps, type AnchorProps, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes } from "react";

export type Link<Props> = Props & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof Props> & { ref?: React.Ref<HTMLAnchorElement> };

export const LinkButton = createLink((props: Link<ButtonProps>) => <Button component="a" {...props} />);
export const LinkIcon = createLink((props: Link<ActionIconProps>) => <ActionIcon component="a" {...props} />);
export const LinkAnchor = createLink((props: Link<AnchorProps>) => <Anchor {...props} />);

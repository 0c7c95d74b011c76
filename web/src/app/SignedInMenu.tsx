import { useSignOut } from "@/api/accounts";
import type { User } from "@/api/schemas";
import type { Link } from "@/ui/links";
import { Avatar, Menu, UnstyledButton, type MenuItemProps } from "@mantine/core";
import { IconBuildingStore, IconChevronDown, IconLogout, IconReceipt, IconSettings } from "@tabler/icons-react";
import { createLink, useNavigate } from "@tanstack/react-router";
import classes from "./AccountMenu.module.css";

const LinkMenuItem = createLink((props: Link<MenuItemProps>) => <Menu.Item component="a" {...props} />);

export function SignedInMenu({ user }: { user: User }) {
  const signOut = useSignOut();
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" width={230} shadow="md" radius="md">
      <Menu.Target>
        <UnstyledButton className={classes.button ?? ""}>
          <span className="hidden-visually">Account of {user.name}</span>
          <Avatar size={34} radius="xl" color="teal" name={user.name} alt="" aria-hidden />
          <IconChevronDown size={16} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes.who}>
          <strong>{user.name}</strong>
          <span>{user.email}</span>
        </div>
        <Menu.Divider />
        {user.role === "admin" && (
          <LinkMenuItem to="/admin/orders" leftSection={<IconBuildingStore size={18} />}>
            The office
          </LinkMenuItem>
        )}
        <LinkMenuItem to="/orders" leftSection={<IconReceipt size={18} />}>
          Your orders
        </LinkMenuItem>
        <LinkMenuItem to="/settings" leftSection={<IconSettings size={18} />}>
          Settings
        </LinkMenuItem>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={18} />}
          onClick={() => signOut.mutate(undefined, { onSettled: () => void navigate({ to: "/" }) })}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Picture } from "./Picture";

afterEach(cleanup);

const image = {
  url: "/media/desk-1600.webp",
  alt: "",
  width: 1600,
  height: 1200,
  sources: [
    { url: "/media/desk-400.webp", width: 400 },
    { url: "/media/desk-1600.webp", width: 1600 },
  ],
};

test("offers the browser every width, with the size known beforehand", () => {
  render(<Picture image={image} alt="A desk" sizes="50vw" seed="desk" />);
  const shown = screen.getByRole<HTMLImageElement>("img", { name: "A desk" });
  expect(shown.getAttribute("srcset")).toBe("/media/desk-400.webp 400w, /media/desk-1600.webp 1600w");
  expect([shown.getAttribute("width"), shown.getAttribute("height")]).toEqual(["1600", "1200"]);
});

test("shows a placeholder for a picture that does not load", () => {
  const { container } = render(<Picture image={image} alt="A desk" sizes="50vw" seed="desk" />);
  fireEvent.error(screen.getByRole("img"));
  expect(container.querySelector("img")).toBeNull();
  expect(screen.getByRole("img", { name: "A desk" })).toBeTruthy();
});

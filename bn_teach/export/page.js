// @ts-check
// The page: its table of contents.
import { make } from "../explorable/explorable.js";
import { bringToLife } from "./live.js";

const contents = document.querySelector("nav ol");
for (const heading of document.querySelectorAll("main h2")) {
  const text = (heading.textContent ?? "").trim();
  heading.id ||= text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
  contents?.append(make("li", {}, make("a", { href: `#${heading.id}` }, text)));
}
bringToLife(false);

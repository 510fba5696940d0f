import { createTheme, localStorageColorSchemeManager } from "@mantine/core";

/** Mantine takes its looks from ui/tokens.css; here is only what CSS variables cannot say. */
export const theme = createTheme({
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
});

/** Keeps the theme where public/first-paint.js finds it. */
export const colorSchemeManager = localStorageColorSchemeManager({ key: "fiber-theme" });

import "./styles.js";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createQueryClient } from "../data/query-client.js";
import { startI18n } from "../ui/i18n/i18n.js";
import { createAppRouter } from "./router.js";
import { colorSchemeManager, theme } from "./theme.js";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

await startI18n();

// Mantine's own <style> tags are off: the content policy forbids inline styles, tokens.css serves.
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      colorSchemeManager={colorSchemeManager}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={createQueryClient()}>
        <RouterProvider router={createAppRouter()} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

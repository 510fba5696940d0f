import { useEffect } from "react";
import { useView } from "../data/view.js";

/** Keys that work anywhere: `/` goes to the search, Escape closes the probe's panel. */
export function useShortcuts(): void {
  const { view, change } = useView();
  const open = view.node !== null;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const typing = event.target instanceof HTMLElement && event.target.matches("input, textarea");
      if (event.key === "/" && !typing) {
        const search = document.querySelector<HTMLInputElement>("[data-search]");
        if (search === null) return;
        event.preventDefault();
        search.focus();
        search.select();
      }
      if (event.key === "Escape" && open && !typing) change({ node: null });
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [open, change]);
}

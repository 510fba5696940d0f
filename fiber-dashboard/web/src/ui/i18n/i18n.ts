import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { en, type Words } from "./en.js";

/** The languages of the dashboard, each by its own name. */
export const LANGUAGES = { en: "English", fr: "Français" } as const;

/** A key of {@link LANGUAGES}. */
export type Language = keyof typeof LANGUAGES;

const STORED_AS = "fiber-language";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: Words };
  }
}

/** Starts i18next in the language that the page was painted in (see public/first-paint.js). */
export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
  });
  const wanted = document.documentElement.lang;
  if (wanted !== "en" && isLanguage(wanted)) await loadLanguage(wanted);
}

/** Switches the language and remembers it. */
export async function chooseLanguage(language: Language): Promise<void> {
  await loadLanguage(language);
  localStorage.setItem(STORED_AS, language);
}

async function loadLanguage(language: Language): Promise<void> {
  if (language === "fr" && !i18next.hasResourceBundle("fr", "translation")) {
    const { fr } = await import("./fr.js");
    i18next.addResourceBundle("fr", "translation", fr);
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

function isLanguage(text: string): text is Language {
  return Object.hasOwn(LANGUAGES, text);
}

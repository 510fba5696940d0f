import { ActionIcon, Menu, useMantineColorScheme } from "@mantine/core";
import { Settings2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import { chooseLanguage, LANGUAGES, type Language } from "../../ui/i18n/i18n.js";

const THEMES = ["auto", "dark", "light"] as const;

/** Language and theme: the reader's own, kept in this browser and not in the address. */
export function Preferences() {
  const { t, i18n } = useTranslation();
  // Without this Mantine writes an inline style, which the content policy forbids.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const languages = Object.keys(LANGUAGES) as Language[];
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }} width={208}>
      <Menu.Target>
        <ActionIcon variant="default" size={30} aria-label={t("preferences.label")}>
          <Settings2 size={16} aria-hidden="true" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown aria-label={t("preferences.label")}>
        <Menu.Label>{t("preferences.theme")}</Menu.Label>
        <Menu.RadioGroup value={colorScheme}>
          {THEMES.map((theme) => (
            <Menu.RadioItem
              key={theme}
              value={theme}
              closeMenuOnClick
              onChange={() => setColorScheme(theme)}
            >
              {t(`preferences.${theme}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Label>{t("preferences.language")}</Menu.Label>
        <Menu.RadioGroup value={i18n.language}>
          {languages.map((language) => (
            <Menu.RadioItem
              key={language}
              value={language}
              lang={language}
              closeMenuOnClick
              onChange={() => void chooseLanguage(language)}
            >
              {LANGUAGES[language]}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}

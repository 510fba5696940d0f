import { ActionIcon, Menu, useMantineColorScheme } from "@mantine/core";
import { Check, Monitor, Moon, Settings2, Sun } from "lucide-react";
import { useTranslation } from "react-i18next";
import { chooseLanguage, LANGUAGES, type Language } from "../../ui/i18n/i18n.js";

const THEMES = [
  ["auto", Monitor],
  ["dark", Moon],
  ["light", Sun],
] as const;

/** Language and theme: the reader's own, kept in this browser and not in the address. */
export function Preferences() {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const languages = Object.keys(LANGUAGES) as Language[];
  const mark = (chosen: boolean) => (chosen ? <Check size={16} aria-hidden="true" /> : null);
  return (
    <Menu position="bottom-end" transitionProps={{ duration: 0 }} width={208}>
      <Menu.Target>
        <ActionIcon variant="default" size={30} aria-label={t("preferences.label")}>
          <Settings2 size={16} aria-hidden="true" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown aria-label={t("preferences.label")}>
        <Menu.Label>{t("preferences.theme")}</Menu.Label>
        {THEMES.map(([theme, Icon]) => (
          <Menu.Item
            key={theme}
            role="menuitemradio"
            aria-checked={colorScheme === theme}
            leftSection={<Icon size={16} aria-hidden="true" />}
            rightSection={mark(colorScheme === theme)}
            onClick={() => setColorScheme(theme)}
          >
            {t(`preferences.${theme}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>{t("preferences.language")}</Menu.Label>
        {languages.map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            role="menuitemradio"
            aria-checked={i18n.language === language}
            rightSection={mark(i18n.language === language)}
            onClick={() => void chooseLanguage(language)}
          >
            {LANGUAGES[language]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

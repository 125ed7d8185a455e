import { useWords } from "../i18n/i18n";
import { Icon } from "../ui/Icon";
import { useTheme } from "../ui/theme";

export function LanguageToggle() {
  const { language, setLanguage, t } = useWords();
  return (
    <div className="choice choice-small" role="group" aria-label={t("language")}>
      <button type="button" lang="en" aria-pressed={language === "en"} onClick={() => setLanguage("en")} data-testid="lang-en">
        English
      </button>
      <button type="button" lang="zh-CN" aria-pressed={language === "zh"} onClick={() => setLanguage("zh")} data-testid="lang-zh">
        中文
      </button>
    </div>
  );
}

export function ThemeToggle() {
  const [theme, toggle] = useTheme();
  const { t } = useWords();
  const text = theme === "dark" ? t("theme.to_light") : t("theme.to_dark");
  return (
    <button type="button" className="button button-ghost square" onClick={toggle} aria-label={text} title={text} data-testid="theme-toggle">
      <Icon name={theme === "dark" ? "sun" : "moon"} />
    </button>
  );
}

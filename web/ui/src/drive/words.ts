// The page's words, in its language, and how it writes numbers and dates.
const main = document.querySelector<HTMLElement>('main')!;
const texts = JSON.parse(main.dataset.texts ?? '{}') as Record<string, string>;
const page = document.documentElement.lang;
const lang = navigator.languages.find((l) => l.startsWith(page)) ?? (page === 'en' ? 'en-GB' : page);

/** t returns the text under key with its {names} filled in. */
export function t(key: string, names: Record<string, string | number> = {}): string {
  return Object.entries(names).reduce((s, [k, v]) => s.replaceAll(`{${k}}`, String(v)), texts[key] ?? key);
}

/** tn is t for a text that depends on the number n. */
export function tn(key: string, n: number, names: Record<string, string | number> = {}): string {
  return t(key + (n === 1 ? '.one' : '.other'), {n: number(n), ...names});
}

export function number(n: number, digits = 0): string {
  return n.toLocaleString(lang, {minimumFractionDigits: digits, maximumFractionDigits: digits});
}

export function megabytes(bytes: number): string {
  return bytes < 1e5 ? t('kb', {n: number(bytes / 1e3)}) : t('mb', {n: number(bytes / 1e6, 1)});
}

export function clock(unix: number): string {
  return new Date(unix * 1000).toLocaleTimeString(lang, {hour: '2-digit', minute: '2-digit'});
}

export function day(iso: string): string {
  return new Date(iso + 'T12:00:00Z').toLocaleDateString(lang, {day: 'numeric', month: 'long'});
}

export function dateTime(unix: number): string {
  return new Date(unix * 1000).toLocaleString(lang, {day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit'});
}

export function month(unix: number): string {
  return new Date(unix * 1000).toLocaleDateString(lang, {month: 'long', year: 'numeric'});
}

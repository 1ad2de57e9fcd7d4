// What a dialog of the console asks for, as the interface has it. The server checks it.
export function deedOf(name: string | undefined, f: FormData): Record<string, unknown> {
  const value = (key: string) => String(f.get(key) ?? '').trim();
  const amount = (key: string) => Number(value(key).replace(',', '.'));
  const deed: Record<string, unknown> = {do: name};
  for (const key of ['reason', 'class', 'number', 'of', 'found', 'what', 'unit']) if (value(key)) deed[key] = value(key);
  if (amount('quantity') > 0) deed.quantity = amount('quantity');
  if (amount('cost') > 0) deed.cents = Math.round(100 * amount('cost'));
  if (amount('severity') > 0) deed.severity = Math.min(1, amount('severity'));
  const giver = value('crew');
  if (giver.startsWith('body:')) Object.assign(deed, {do: 'hand_over', body: giver.slice(5)});
  else if (giver) deed.crew = giver;
  const [verdict, found] = value('verdict').split(':');
  if (verdict) deed.verdict = verdict;
  if (found) deed.found = found;
  const at = /^(-?\d+(?:[.,]\d+)?)\s*[\s,;]\s*(-?\d+(?:[.,]\d+)?)$/.exec(value('at'));
  if (at) Object.assign(deed, {lat: Number(at[1]!.replace(',', '.')), lon: Number(at[2]!.replace(',', '.'))});
  if (name === 'merge') Object.assign(deed, {do: 'dismiss', verdict: 'duplicate'});
  return deed;
}

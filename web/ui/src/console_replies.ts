// Reply templates in the console's dialog. For one order they come filled in; for several the server fills in each.
interface Offer {
  id: string;
  language: string;
  tongue: string;
  title: string;
  text: string;
}

const templates = document.getElementById('dt') as HTMLSelectElement;
const language = document.documentElement.lang;
let offers: Offer[] = [];
let putIn = ''; // by the template that was chosen last

// offerReplies lists the templates for one order, or all of them.
export async function offerReplies(dialog: HTMLDialogElement, order?: string) {
  offers = [];
  putIn = '';
  templates.replaceChildren(new Option(templates.dataset.empty, ''));
  const answer = await fetch(order ? `/api/v1/orders/${encodeURIComponent(order)}/replies` : '/api/v1/replies', {headers: {'Accept-Language': language}}).catch(() => null);
  if (!answer?.ok || !dialog.open) return;
  const {replies} = (await answer.json()) as {replies: (Offer & {titles: Record<string, string>; texts: Record<string, string>})[]};
  offers = order ? replies : replies.map((r) => {
    const known = r.texts[language] ? language : Object.keys(r.texts).find((l) => r.texts[l])!;
    return {id: r.id, language: known, tongue: known, title: r.titles[known]!, text: r.texts[known]!};
  });
  offers.forEach((o, i) => {
    const option = new Option(o.title, String(i));
    if (o.language === language) return templates.append(option);
    let group = templates.querySelector<HTMLOptGroupElement>(`optgroup[lang=${o.language}]`);
    if (!group) {
      group = document.createElement('optgroup');
      group.label = o.tongue;
      group.lang = o.language;
      templates.append(group);
    }
    group.append(option);
  });
}

templates.addEventListener('change', () => {
  const into = templates.form!.querySelector('textarea')!;
  const own = into.value.trim() === putIn.trim() ? '' : into.value.trimEnd() + '\n'; // what somebody has written stays
  putIn = offers[Number(templates.value || -1)]?.text ?? '';
  into.value = own + putIn;
});
templates.addEventListener('keydown', (e) => {
  if (e.key !== 'Enter') return;
  e.preventDefault();
  e.stopPropagation();
  templates.form!.querySelector('textarea')!.focus();
});

// Search for a street: what is typed is looked up, what is chosen is gone to. Down and up walk through what was found,
// Escape leaves it. Without scripts the form asks the server. The form hears of a submit, which may be told to a part of a form.

export interface Street {
  name: string;
  lat: number;
  lon: number;
}

export function search(form: HTMLElement, hits: HTMLElement, go: (street: Street) => void, none: (query: string) => void) {
  const field = form.querySelector<HTMLInputElement>('input[name=q]')!;
  let asked = 0;
  let timer = 0;
  const find = async () => {
    const turn = ++asked;
    const q = field.value.trim();
    if (q === '') return hits.replaceChildren();
    const answer = await fetch('/api/v1/streets?' + new URLSearchParams({q}));
    if (turn !== asked || !answer.ok) return;
    const {streets} = (await answer.json()) as {streets: Street[]};
    hits.replaceChildren(...streets.map((s) => {
      const button = Object.assign(document.createElement('button'), {type: 'button', textContent: s.name});
      button.addEventListener('click', () => {
        field.value = s.name;
        hits.replaceChildren();
        go(s);
      });
      const li = document.createElement('li');
      li.append(button);
      return li;
    }));
    if (streets.length === 0) none(q);
  };
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void find(), 200);
  });
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    clearTimeout(timer);
    void find().then(() => hits.querySelector('button')?.focus());
  });
  form.parentElement!.addEventListener('keydown', (e) => {
    const buttons = [...hits.querySelectorAll('button')];
    if (buttons.length === 0) return;
    if (e.key === 'Escape') {
      e.stopPropagation();
      hits.replaceChildren();
      field.focus();
      return;
    }
    const step = e.key === 'ArrowDown' ? 1 : e.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    e.preventDefault();
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement) + step;
    (buttons[at] ?? field).focus();
  });
}

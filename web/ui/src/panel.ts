// The panel beside the map. The server writes its HTML, as it does for pages without scripts; this puts it in place.

export interface Place {
  id: string;
  lat: number;
  lon: number;
  mark: string;
  title: string;
  radius: number;
  area: number[][] | null;
}

const panel = document.getElementById('panel')!;

// placeShown returns the place that the panel tells of, null where it is a list.
export function placeShown(): Place | null {
  const d = panel.querySelector<HTMLElement>('[data-place]')?.dataset;
  if (!d) return null;
  return {
    id: d.place!, lat: Number(d.lat), lon: Number(d.lon), mark: d.mark!, title: d.title!, radius: Number(d.radius),
    area: d.area ? d.area.split(' ').map((p) => p.split(',').map(Number)) : null,
  };
}

// again returns a selector that finds an element of the panel after its HTML was written anew, so that the keyboard stays where it was.
function again(el: Element): string | undefined {
  for (const names of [['data-open'], ['id'], ['name', 'value'], ['href']]) {
    if (names.every((n) => el.hasAttribute(n))) return names.map((n) => `[${n}="${CSS.escape(el.getAttribute(n)!)}"]`).join('');
  }
  return undefined;
}

let asked = 0;

// load shows what /panel answers to a query. Of several at once the last one asked for counts. It returns whether
// it is shown.
export async function load(query: URLSearchParams): Promise<boolean> {
  const mine = ++asked;
  const answer = await fetch('/panel?' + query, {headers: {Accept: 'text/html'}});
  if (!answer.ok) throw new Error(`panel: ${answer.status}`);
  const html = await answer.text();
  if (mine !== asked) return false;
  const scroll = document.querySelector('.side')!;
  const top = scroll.scrollTop;
  const focus = document.activeElement && panel.contains(document.activeElement) ? again(document.activeElement) : undefined;
  const same = placeShown()?.id;
  panel.innerHTML = html;
  scroll.scrollTop = placeShown()?.id === same ? top : 0;
  if (focus) panel.querySelector<HTMLElement>(focus)?.focus();
  for (const el of document.querySelectorAll<HTMLElement>('[data-count]')) {
    const n = answer.headers.get('Count-' + el.dataset.count);
    if (n !== null) el.textContent = n;
  }
  const heading = panel.querySelector('h1');
  if (heading) heading.tabIndex = -1;
  return true;
}

// focusHeading moves the keyboard to what has just been opened.
export function focusHeading() {
  panel.querySelector<HTMLElement>('h1')?.focus({preventScroll: true});
}

// What became of what this phone felt.
import type {Outcome} from './messages.ts';
import {day, t} from './words.ts';

const open = ['confirmed', 'ordered', 'progress'];
const repaired = ['repaired', 'verified'];

/** counts says how many places are confirmed and how many are repaired. */
export function counts(outcomes: Outcome[]): {confirmed: number; repaired: number} {
  return {
    confirmed: outcomes.filter((o) => open.includes(o.mark)).length,
    repaired: outcomes.filter((o) => repaired.includes(o.mark)).length,
  };
}

/** list puts the outcomes into a list, each a link to its place. */
export function list(into: HTMLElement, outcomes: Outcome[], most = 8): void {
  into.replaceChildren(...outcomes.slice(0, most).map((o) => {
    const li = document.createElement('li');
    const words = document.createElement('span');
    const link = document.createElement('a');
    link.href = '/places/' + encodeURIComponent(o.place);
    link.textContent = o.title;
    const text = document.createElement('span');
    text.className = 'q';
    text.textContent = t('outcome', {state: o.word, since: day(o.since), felt: day(o.felt)});
    words.append(link, text);
    li.append(symbol(o.mark), words);
    return li;
  }));
}

const svg = 'http://www.w3.org/2000/svg';

function symbol(mark: string): SVGElement {
  const s = document.createElementNS(svg, 'svg');
  const use = document.createElementNS(svg, 'use');
  use.setAttribute('href', '#s-' + mark);
  s.append(use);
  for (const [k, v] of Object.entries({class: `mk c-${mark === 'progress' ? 'ordered' : mark}`, width: '22', height: '22', 'aria-hidden': 'true'})) s.setAttribute(k, v);
  return s;
}

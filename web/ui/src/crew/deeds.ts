// What a form of an order says that was done, as deeds.
import {small} from './photo.ts';
import type {Deed} from './store.ts';

const number = (v: string) => Number(v.trim().replace(',', '.')) || 0; // the form takes nothing else

/** deedsOf reads a form: the thing done first, so that it goes out first, then material, then photos. */
export async function deedsOf(form: FormData, act: string, at: {person: string; order: string; number: string}): Promise<Deed[]> {
  const get = (name: string) => ((form.get(name) as string | null) ?? '').trim();
  const reason = get('reason');
  const said = new Date().toISOString();
  const out: Omit<Deed, 'key' | 'stroke'>[] = [];
  const add = (strict: boolean, rest: Partial<Deed>) => out.push({...at, said, strict, ...rest});
  const words = reason ? {reason} : {};
  const is = get('is');
  if (act === 'start') add(true, {body: {do: 'start'}});
  else if (act === 'repair') add(true, {body: {do: 'repair', ...words, ...(get('found') ? {found: get('found')} : {})}});
  else if (act === 'dismiss') add(true, {body: {do: 'dismiss', verdict: 'not_found', ...words}});
  else if (act === 'other' && is === 'nothing') add(true, {body: {do: 'dismiss', verdict: 'not_defect', ...words}});
  else if (act === 'other' && is === 'speed_bump') add(true, {body: {do: 'dismiss', verdict: 'not_defect', found: is, ...words}});
  else if (act === 'other') add(true, {body: {do: 'reclass', class: is, ...words}});
  else if (reason) add(false, {body: {do: 'note', reason}});
  if (get('what')) add(false, {body: {do: 'spend', what: get('what'), quantity: number(get('quantity')), unit: get('unit'), cents: Math.round(100 * number(get('cost')))}});
  for (const name of ['before', 'after', 'photo']) {
    const file = form.get(name);
    if (file instanceof File && file.size > 0) add(false, {photo: await small(file), taken: name === 'photo' ? '' : name});
  }
  const stroke = crypto.randomUUID();
  return out.map((d, i) => ({...d, stroke, key: i === 0 ? stroke : `${stroke}/${i}`}));
}

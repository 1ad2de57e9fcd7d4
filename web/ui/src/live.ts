// The stream of changes: one connection, opened again when it breaks; who was away asks anew for what it shows.

export interface Change {
  id: string;
  geometry: {coordinates: [number, number]};
  text: string;
}

export interface Listener {
  changed(change: Change): void;
  missed(): void; // changes may have been missed: read everything again
  lost(): void; // no connection
}

export function listen(to: Listener) {
  let broken = false;
  let timer = 0;
  let wait = 2000;
  const open = () => {
    const stream = new EventSource('/api/v1/stream');
    stream.onopen = () => {
      clearTimeout(timer);
      wait = 2000;
      if (broken) to.missed();
      broken = false;
    };
    const hear = (e: MessageEvent<string>) => to.changed(JSON.parse(e.data) as Change);
    stream.addEventListener('place', hear);
    stream.addEventListener('order', hear);
    stream.onerror = () => {
      if (!broken) timer = window.setTimeout(() => to.lost(), 8000);
      broken = true;
      if (stream.readyState !== EventSource.CLOSED) return; // the browser comes again by itself
      window.setTimeout(open, wait);
      wait = Math.min(2 * wait, 60000);
    };
  };
  open();
}

// What the drive page and its worker say to each other. Times are Unix seconds unless a name says otherwise.

/** What the worker is told. Samples are rows of t, ax, ay, az (m/s²), gx, gy, gz (rad/s). */
export type Order =
  | {do: 'open'; wasm: string; lang: string}
  | {do: 'start'}
  | {do: 'samples'; rows: Float64Array}
  | {do: 'fix'; fix: Fix}
  | {do: 'end'}
  | {do: 'settings'; settings: Settings}
  | {do: 'export' | 'discard'; recording: number}
  | {do: 'forget' | 'enrol' | 'online' | 'data' | 'erase-former' | 'leave-former'};

export const rowSize = 7;

/** A position; what is not known is NaN. */
export interface Fix {t: number; lat: number; lon: number; accuracy: number; speed: number; heading: number}

export interface Settings {withhold: number; record: boolean}

/** What the worker tells. */
export type News =
  | {is: 'status'; status: Status}
  | {is: 'ready'; problem: string}
  | {is: 'ended'; drive: Summary}
  | {is: 'file'; name: string; file: Blob}
  | {is: 'forgotten'; how: 'done' | 'later' | 'refused'}
  | {is: 'data'; how: 'none' | 'refused' | 'away'} // why there is no file
  | {is: 'failed'; what: string};

/** How the phone reaches the server: not at all, or not yet; the server no longer knows it; another tab has it. */
export type Link = 'none' | 'on' | 'resting' | 'unknown' | 'elsewhere';

export interface Status {
  link: Link;
  linkSince: number;
  waiting: number;
  bytes: number; // sent and received on this drive, or since it ended
  allBytes: number;
  device?: {id: string; since: number};
  settings: Settings;
  totals: {drives: number; jolts: number; since: number};
  outcomes: Outcome[];
  health: string; // how the server thinks that this phone is; empty: it was not asked yet
  recordings: {id: number; seconds: number; bytes: number}[];
  lists: number; // watch lists of the cells around
  drive?: DriveState;
  behind: number; // seconds by which the phone's clock is, as far as it is wrong and that is known
  refusals?: {at: number; time: number; other: number; why: string}; // events that the server has refused, for their times and otherwise
  trouble: '' | 'full' | 'broken'; // why events are in memory alone
  unrecorded: boolean; // this drive's recording was ended: there was no room for it
  farewells: number; // devices that the server has still to be asked to forget
  refused: string[]; // ids of those of them that it will not forget: it does not take their secrets
  former: string[]; // ids that this phone had before, of which the server may still keep something
}

/** As firmware-sim/browser gives it. mount: 0 not known yet, 1 firm, 2 loose. */
export interface DriveState {
  jolts: number; ignored: number; withheld: number; held: number; passes: number; mount: number; driven: number; speed: number; parked: boolean;
}

export interface Summary {began: number; ended: number; jolts: number; withheld: number; ignored: number; driven: number}

export interface Outcome {place: string; state: string; mark: string; class: string; title: string; word: string; felt: string; since: string}

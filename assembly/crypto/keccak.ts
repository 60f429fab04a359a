/**
 * The permutation Keccak-f[1600], FIPS 202 §3.
 *
 * Lanes are 64-bit locals: the 32-bit cores rotate one in four instructions and load it in one, the
 * interpreter takes as long for one as for half of it.
 */

/** The round constants of step iota (§3.2.5), two rounds at a time. */
const ROUND_CONSTANTS: usize = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
  0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
  0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
  0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
  0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);
const ROUND_CONSTANTS_END: usize = ROUND_CONSTANTS + 24 * 8;

/**
 * Permutes the 25 lanes of 64 bits at `state`, little-endian, lane (x, y) at 8 (5 y + x).
 *
 * A lane's name is its array, its plane y (b, g, k, m, s) and its sheet x (a, e, i, o, u): `Aba` is
 * A[0, 0]. Two rounds are written out, from A to E and back; B is what one plane is after rho and pi.
 * The lanes be, bi, go, ki, mi and sa are kept complemented, which saves chi 19 of its 25 complements
 * (the Keccak implementation overview, §2.2).
 */
export function keccakPermute(state: usize): void {
  let Asu = load<u64>(state, 192);
  let Aso = load<u64>(state, 184);
  let Asi = load<u64>(state, 176);
  let Ase = load<u64>(state, 168);
  let Asa = ~load<u64>(state, 160);
  let Amu = load<u64>(state, 152);
  let Amo = load<u64>(state, 144);
  let Ami = ~load<u64>(state, 136);
  let Ame = load<u64>(state, 128);
  let Ama = load<u64>(state, 120);
  let Aku = load<u64>(state, 112);
  let Ako = load<u64>(state, 104);
  let Aki = ~load<u64>(state, 96);
  let Ake = load<u64>(state, 88);
  let Aka = load<u64>(state, 80);
  let Agu = load<u64>(state, 72);
  let Ago = ~load<u64>(state, 64);
  let Agi = load<u64>(state, 56);
  let Age = load<u64>(state, 48);
  let Aga = load<u64>(state, 40);
  let Abu = load<u64>(state, 32);
  let Abo = load<u64>(state, 24);
  let Abi = ~load<u64>(state, 16);
  let Abe = ~load<u64>(state, 8);
  let Aba = load<u64>(state, 0);
  let Ba: u64, Be: u64, Bi: u64, Bo: u64, Bu: u64;
  let Ca: u64, Ce: u64, Ci: u64, Co: u64, Cu: u64;
  let Da: u64, De: u64, Di: u64, Do: u64, Du: u64;
  let Eba: u64,
    Ebe: u64,
    Ebi: u64,
    Ebo: u64,
    Ebu: u64,
    Ega: u64,
    Ege: u64,
    Egi: u64,
    Ego: u64,
    Egu: u64,
    Eka: u64,
    Eke: u64,
    Eki: u64,
    Eko: u64,
    Eku: u64,
    Ema: u64,
    Eme: u64,
    Emi: u64,
    Emo: u64,
    Emu: u64,
    Esa: u64,
    Ese: u64,
    Esi: u64,
    Eso: u64,
    Esu: u64;
  for (let rc = ROUND_CONSTANTS; rc !== ROUND_CONSTANTS_END; rc += 16) {
    Ca = Aba ^ Aga ^ Aka ^ Ama ^ Asa;
    Ce = Abe ^ Age ^ Ake ^ Ame ^ Ase;
    Ci = Abi ^ Agi ^ Aki ^ Ami ^ Asi;
    Co = Abo ^ Ago ^ Ako ^ Amo ^ Aso;
    Cu = Abu ^ Agu ^ Aku ^ Amu ^ Asu;
    Da = Cu ^ rotl<u64>(Ce, 1);
    De = Ca ^ rotl<u64>(Ci, 1);
    Di = Ce ^ rotl<u64>(Co, 1);
    Do = Ci ^ rotl<u64>(Cu, 1);
    Du = Co ^ rotl<u64>(Ca, 1);
    Ba = Aba ^ Da;
    Be = rotl<u64>(Age ^ De, 44);
    Bi = rotl<u64>(Aki ^ Di, 43);
    Bo = rotl<u64>(Amo ^ Do, 21);
    Bu = rotl<u64>(Asu ^ Du, 14);
    Eba = Ba ^ (Be | Bi) ^ load<u64>(rc, 0);
    Ebe = Be ^ (~Bi | Bo);
    Ebi = Bi ^ (Bo & Bu);
    Ebo = Bo ^ (Bu | Ba);
    Ebu = Bu ^ (Ba & Be);
    Ba = rotl<u64>(Abo ^ Do, 28);
    Be = rotl<u64>(Agu ^ Du, 20);
    Bi = rotl<u64>(Aka ^ Da, 3);
    Bo = rotl<u64>(Ame ^ De, 45);
    Bu = rotl<u64>(Asi ^ Di, 61);
    Ega = Ba ^ (Be | Bi);
    Ege = Be ^ (Bi & Bo);
    Egi = Bi ^ (Bo | ~Bu);
    Ego = Bo ^ (Bu | Ba);
    Egu = Bu ^ (Ba & Be);
    Ba = rotl<u64>(Abe ^ De, 1);
    Be = rotl<u64>(Agi ^ Di, 6);
    Bi = rotl<u64>(Ako ^ Do, 25);
    Bo = rotl<u64>(Amu ^ Du, 8);
    Bu = rotl<u64>(Asa ^ Da, 18);
    Eka = Ba ^ (Be | Bi);
    Eke = Be ^ (Bi & Bo);
    Eki = Bi ^ (~Bo & Bu);
    Eko = ~Bo ^ (Bu | Ba);
    Eku = Bu ^ (Ba & Be);
    Ba = rotl<u64>(Abu ^ Du, 27);
    Be = rotl<u64>(Aga ^ Da, 36);
    Bi = rotl<u64>(Ake ^ De, 10);
    Bo = rotl<u64>(Ami ^ Di, 15);
    Bu = rotl<u64>(Aso ^ Do, 56);
    Ema = Ba ^ (Be & Bi);
    Eme = Be ^ (Bi | Bo);
    Emi = Bi ^ (~Bo | Bu);
    Emo = ~Bo ^ (Bu & Ba);
    Emu = Bu ^ (Ba | Be);
    Ba = rotl<u64>(Abi ^ Di, 62);
    Be = rotl<u64>(Ago ^ Do, 55);
    Bi = rotl<u64>(Aku ^ Du, 39);
    Bo = rotl<u64>(Ama ^ Da, 41);
    Bu = rotl<u64>(Ase ^ De, 2);
    Esa = Ba ^ (~Be & Bi);
    Ese = ~Be ^ (Bi | Bo);
    Esi = Bi ^ (Bo & Bu);
    Eso = Bo ^ (Bu | Ba);
    Esu = Bu ^ (Ba & Be);
    Ca = Eba ^ Ega ^ Eka ^ Ema ^ Esa;
    Ce = Ebe ^ Ege ^ Eke ^ Eme ^ Ese;
    Ci = Ebi ^ Egi ^ Eki ^ Emi ^ Esi;
    Co = Ebo ^ Ego ^ Eko ^ Emo ^ Eso;
    Cu = Ebu ^ Egu ^ Eku ^ Emu ^ Esu;
    Da = Cu ^ rotl<u64>(Ce, 1);
    De = Ca ^ rotl<u64>(Ci, 1);
    Di = Ce ^ rotl<u64>(Co, 1);
    Do = Ci ^ rotl<u64>(Cu, 1);
    Du = Co ^ rotl<u64>(Ca, 1);
    Ba = Eba ^ Da;
    Be = rotl<u64>(Ege ^ De, 44);
    Bi = rotl<u64>(Eki ^ Di, 43);
    Bo = rotl<u64>(Emo ^ Do, 21);
    Bu = rotl<u64>(Esu ^ Du, 14);
    Aba = Ba ^ (Be | Bi) ^ load<u64>(rc, 8);
    Abe = Be ^ (~Bi | Bo);
    Abi = Bi ^ (Bo & Bu);
    Abo = Bo ^ (Bu | Ba);
    Abu = Bu ^ (Ba & Be);
    Ba = rotl<u64>(Ebo ^ Do, 28);
    Be = rotl<u64>(Egu ^ Du, 20);
    Bi = rotl<u64>(Eka ^ Da, 3);
    Bo = rotl<u64>(Eme ^ De, 45);
    Bu = rotl<u64>(Esi ^ Di, 61);
    Aga = Ba ^ (Be | Bi);
    Age = Be ^ (Bi & Bo);
    Agi = Bi ^ (Bo | ~Bu);
    Ago = Bo ^ (Bu | Ba);
    Agu = Bu ^ (Ba & Be);
    Ba = rotl<u64>(Ebe ^ De, 1);
    Be = rotl<u64>(Egi ^ Di, 6);
    Bi = rotl<u64>(Eko ^ Do, 25);
    Bo = rotl<u64>(Emu ^ Du, 8);
    Bu = rotl<u64>(Esa ^ Da, 18);
    Aka = Ba ^ (Be | Bi);
    Ake = Be ^ (Bi & Bo);
    Aki = Bi ^ (~Bo & Bu);
    Ako = ~Bo ^ (Bu | Ba);
    Aku = Bu ^ (Ba & Be);
    Ba = rotl<u64>(Ebu ^ Du, 27);
    Be = rotl<u64>(Ega ^ Da, 36);
    Bi = rotl<u64>(Eke ^ De, 10);
    Bo = rotl<u64>(Emi ^ Di, 15);
    Bu = rotl<u64>(Eso ^ Do, 56);
    Ama = Ba ^ (Be & Bi);
    Ame = Be ^ (Bi | Bo);
    Ami = Bi ^ (~Bo | Bu);
    Amo = ~Bo ^ (Bu & Ba);
    Amu = Bu ^ (Ba | Be);
    Ba = rotl<u64>(Ebi ^ Di, 62);
    Be = rotl<u64>(Ego ^ Do, 55);
    Bi = rotl<u64>(Eku ^ Du, 39);
    Bo = rotl<u64>(Ema ^ Da, 41);
    Bu = rotl<u64>(Ese ^ De, 2);
    Asa = Ba ^ (~Be & Bi);
    Ase = ~Be ^ (Bi | Bo);
    Asi = Bi ^ (Bo & Bu);
    Aso = Bo ^ (Bu | Ba);
    Asu = Bu ^ (Ba & Be);
  }
  store<u64>(state, Asu, 192);
  store<u64>(state, Aso, 184);
  store<u64>(state, Asi, 176);
  store<u64>(state, Ase, 168);
  store<u64>(state, ~Asa, 160);
  store<u64>(state, Amu, 152);
  store<u64>(state, Amo, 144);
  store<u64>(state, ~Ami, 136);
  store<u64>(state, Ame, 128);
  store<u64>(state, Ama, 120);
  store<u64>(state, Aku, 112);
  store<u64>(state, Ako, 104);
  store<u64>(state, ~Aki, 96);
  store<u64>(state, Ake, 88);
  store<u64>(state, Aka, 80);
  store<u64>(state, Agu, 72);
  store<u64>(state, ~Ago, 64);
  store<u64>(state, Agi, 56);
  store<u64>(state, Age, 48);
  store<u64>(state, Aga, 40);
  store<u64>(state, Abu, 32);
  store<u64>(state, Abo, 24);
  store<u64>(state, ~Abi, 16);
  store<u64>(state, ~Abe, 8);
  store<u64>(state, Aba, 0);
}

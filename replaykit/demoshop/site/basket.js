/* What the browser keeps: the cart, who is logged in, the address of the order. */

function read(key, fallback) {
  const text = localStorage.getItem(key);
  return text === null ? fallback : JSON.parse(text);
}

function write(key, value) {
  localStorage.setItem(key, JSON.stringify(value));
}

export const lines = () => read("cart", []);
export const user = () => read("user", null);
export const logIn = (person) => write("user", person);
export const logOut = () => localStorage.removeItem("user");
export const order = () => read("order", {});
export const setOrder = (patch) => write("order", { ...order(), ...patch });
export const finishOrder = () => write("order", {});

export function add(id, size) {
  const cart = lines();
  const same = cart.find((line) => line.id === id && line.size === size);
  if (same) same.quantity += 1;
  else cart.push({ id, size, quantity: 1 });
  write("cart", cart);
}

export function remove(index) {
  const cart = lines();
  const [gone] = cart.splice(index, 1);
  write("cart", cart);
  return gone;
}

export const empty = () => write("cart", []);
export const count = () => lines().reduce((sum, line) => sum + line.quantity, 0);

/** The value of the cart at the catalogue's prices. */
export function value(products) {
  return lines().reduce(
    (sum, line) => sum + line.quantity * products.find((p) => p.id === line.id).price,
    0,
  );
}

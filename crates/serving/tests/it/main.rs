//! The program itself, started as a pod or the host starts it.

mod answering;
mod logging;
mod refusing;
mod running;

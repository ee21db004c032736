//! The public face of the room, on real images made by the file systems' own tools.

mod damage;
mod ext;
mod images;
mod journal;
mod mutation;
mod partitions;
mod tree;

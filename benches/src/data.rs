//! Split files: a line a user, `user item item …`, all of them integers.

use std::path::{Path, PathBuf};

use crate::Failure;

/// The pairs of one file, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// The user of each pair.
    pub users: Vec<i64>,
    /// The item of each pair.
    pub items: Vec<i64>,
}

impl Pairs {
    /// Reads a file of the form above.
    ///
    /// # Errors
    /// When the file cannot be read, or a word is not an integer.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Self::parse(&text)
    }

    /// Parses the text of such a file.
    ///
    /// # Errors
    /// When a word is not an integer.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut pairs = Self::default();
        for (row, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(user) = words.next() else { continue };
            let user = number(user, row)?;
            for word in words {
                pairs.users.push(user);
                pairs.items.push(number(word, row)?);
            }
        }
        Ok(pairs)
    }

    /// An id as text of fixed width, so that texts sort as the numbers do.
    ///
    /// Equally popular items come in the order of their ids; the published log
    /// has them in the order of their numbers.
    #[must_use]
    pub fn text(id: i64) -> String {
        format!("{id:07}")
    }

    /// The number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The users, each once, in the order of their first pair.
    #[must_use]
    pub fn distinct_users(&self) -> Vec<i64> {
        let mut seen = std::collections::HashSet::new();
        self.users
            .iter()
            .copied()
            .filter(|user| seen.insert(*user))
            .collect()
    }
}

fn number(word: &str, row: usize) -> Result<i64, Failure> {
    word.parse()
        .map_err(|_| format!("line {}: {word:?} is not an integer", row + 1).into())
}

/// One data set: the folder `name` in the data folder, with its two files.
#[derive(Clone, Debug)]
pub struct Split {
    /// The folder of the set.
    pub folder: PathBuf,
    /// What a model may learn from.
    pub train: Pairs,
    /// What it is judged by.
    pub test: Pairs,
}

impl Split {
    /// Reads `train.txt` and `test.txt` of a set.
    ///
    /// # Errors
    /// When a file is missing or malformed.
    pub fn read(data: &Path, name: &str) -> Result<Self, Failure> {
        let folder = data.join(name);
        let train = Pairs::read(&folder.join("train.txt"))?;
        let test = Pairs::read(&folder.join("test.txt"))?;
        Ok(Self {
            folder,
            train,
            test,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    #[test]
    fn lines_become_pairs() {
        let pairs = Pairs::parse("7 1 2\n8\n9 3\n").unwrap();
        assert_eq!(pairs.users, [7, 7, 9]);
        assert_eq!(pairs.items, [1, 2, 3]);
        assert_eq!(pairs.distinct_users(), [7, 9]);
        assert!(Pairs::parse("1 x").is_err());
    }
}
